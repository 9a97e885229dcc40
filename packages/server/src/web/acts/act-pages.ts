import { html } from 'hono/html';
import { withCommands } from '../pages/command-text.ts';
import type { Html } from '../pages/parts.ts';
import { MOST_WITHOUT_NUMBER, type Act, type ActParts, type Given, type Outcome, type Plan } from './act.ts';
import { ACTS } from './all-acts.ts';

/** What can be done, a line each. */
export function actsPage(): Html {
  return html`<div class="bar">
      <h1>Acts <span class="sum">Each says first what it will do, and the audit log has your name.</span></h1>
    </div>
    <ul class="acts">
      ${Object.entries(ACTS).map(([name, { title }]) => html`<li><a href="/act/${name}">${title}</a></li>`)}
    </ul>`;
}

/** Shows the form of an act, and, once it is filled in, what will happen. */
export async function actPage(
  name: string,
  act: Act,
  given: Given,
  parts: ActParts,
  { token, fault }: { token: string; fault?: string },
): Promise<Html> {
  const plan = await act.plan(given, parts);
  const why = fault ?? (typeof plan === 'string' ? plan : undefined);
  const hasFields = String(await act.fields(given, parts)).trim() !== '';
  return html`<section class="answer act ${typeof plan === 'object' && plan.isFinal ? 'todo' : ''}">
    <h1>${act.title}</h1>
    ${why === undefined ? '' : html`<p class="fault" role="alert">${withCommands(why)}</p>`}
    ${
      typeof plan === 'object'
        ? planForm(name, act, given, parts, plan, token)
        : html`<form method="get" action="/act/${name}" class="fields">
            ${act.fields(given, parts)}
            ${hasFields ? html`<button class="main">Go on: see what will happen</button>` : ''}
          </form>`
    }
    <p><a href="/acts">Other acts</a></p>
  </section>`;
}

function planForm(
  name: string,
  act: Act,
  given: Given,
  parts: ActParts,
  { says, about, of, isFinal }: Plan,
  token: string,
): Html {
  const number = about > MOST_WITHOUT_NUMBER ? String(about) : undefined;
  return html`<div class="plan">
      <h2>What will happen</h2>
      <ul>
        ${says.map((sentence) => html`<li>${sentence}</li>`)}
      </ul>
    </div>
    <form method="post" action="/act/${name}" class="fields">
      <input type="hidden" name="token" value="${token}" />
      ${act.fields(given, parts)}
      ${number === undefined ? '' : html`<label class="field">This is about ${aboutText(about, of)}. Type ${number} <input name="number" inputmode="numeric" autocomplete="off" required /></label>`}
      ${isFinal ? html`<label class="tick"><input type="checkbox" name="sure" value="yes" required /> <span>Nobody can take this back. I want it.</span></label>` : ''}
      <button class="${isFinal ? 'grave' : 'main'}">${act.button}</button>
    </form>`;
}

function aboutText(about: number, of: Plan['of']): string {
  return `${about.toLocaleString('en-US')} ${of ?? 'of them'}`;
}

/** Why a plan is not carried out as it was sent; undefined where it may be. */
export function refusalOf(plan: Plan | string | undefined, given: Given): string | undefined {
  if (plan === undefined) return 'Something is not filled in';
  if (typeof plan === 'string') return plan;
  if (plan.about > MOST_WITHOUT_NUMBER && given('number')[0]?.trim() !== String(plan.about))
    return `This is about ${aboutText(plan.about, plan.of)}: type that number, so that it is no slip`;
  if (plan.isFinal && !given('sure').includes('yes'))
    return 'Nobody can take this back: say that you want it';
  return undefined;
}

/** What came of an act. */
export function donePage({ title }: Act, { says }: Outcome): Html {
  return html`<section class="answer act well">
    <h1>Done: ${title.charAt(0).toLowerCase()}${title.slice(1)}</h1>
    <ul class="done" role="status">
      ${says.map((sentence) => html`<li>${sentence}</li>`)}
    </ul>
    <p><a href="/">Now</a> · <a href="/audit">Audit</a> · <a href="/acts">Other acts</a></p>
  </section>`;
}
