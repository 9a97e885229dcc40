import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { endpoint, makeCurvePair, Requester } from '@banshare/transport';
import { startFleet } from '../../../test/fleet/index.ts';
