import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

type Place = { x: number; y: number; w: number; h: number };
type Target = { refId: string; expr: string; legendFormat: string; instant: boolean; datasource: object };
type Panel = {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource: object;
  gridPos: Place;
  targets: Target[];
  fieldConfig: { defaults: { unit?: string } };
};
type Dashboard = {
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: unknown }[] };
};

const dashboard = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../installers/monitoring/grafana.json'), 'utf8'),
) as Dashboard;
const { panels } = dashboard;
const shown = panels.filter(({ type }) => type !== 'row');
/** Grafana's grid is so wide. */
const COLUMNS = 24;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };

function meet(one: Place, other: Place): boolean {
  const besides = one.x + one.w <= other.x || other.x + other.w <= one.x;
  return !besides && one.y < other.y + other.h && other.y < one.y + one.h;
}

test('no panel of the dashboard lies on another or beyond the grid, and each has a number of its own', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const [index, { title, gridPos }] of panels.entries()) {
    assert.ok(gridPos.x >= 0 && gridPos.w > 0 && gridPos.h > 0 && gridPos.x + gridPos.w <= COLUMNS, title);
    for (const other of panels.slice(index + 1))
      assert.ok(!meet(gridPos, other.gridPos), `${title} and ${other.title}`);
  }
});

test('each panel says in words what it shows, in which unit, and names each of its lines', () => {
  for (const { title, type, description = '', fieldConfig, targets } of shown) {
    assert.ok(title.length > 0 && description.endsWith('.'), `${title}: "${description}"`);
    if (type !== 'table') assert.ok(fieldConfig.defaults.unit, `${title} has no unit`);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    if (type === 'timeseries')
      for (const { expr, legendFormat } of targets) assert.ok(legendFormat.length > 0, `${title}: ${expr}`);
    // What stands by itself is how it is now, and what is drawn is how it was.
    for (const { instant } of targets) assert.equal(instant === true, type !== 'timeseries', title);
  }
});

test('every query of the dashboard asks the data source that whoever imports it chooses', () => {
  const [source] = dashboard.templating.list;
  assert.partialDeepStrictEqual(source, { name: 'datasource', type: 'datasource', query: 'prometheus' });
  for (const { title, datasource, targets } of shown) {
    assert.deepEqual(datasource, SOURCE, title);
    for (const target of targets) assert.deepEqual(target.datasource, SOURCE, title);
  }
});
