// Runs the tests of the browser side: `node tests/web/run.mjs`, after the server and framekeep-swarm were built.
// `FRAMEKEEP_BIN_DIR` says where the binaries are if not in target/, `CHROMIUM` where the browser is.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { WITHOUT } from './chromium.mjs';
import { WITHOUT_TSC } from './tsc.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.mjs') && (!wanted.length || wanted.some((part) => name.startsWith(part))))
  .map((name) => `${folder}${name}`);
// Node has had WebSockets since version 20, behind a flag until 22.
const flags = globalThis.WebSocket ? [] : ['--experimental-websocket', '--no-warnings'];
const run = spawnSync(process.execPath, [...flags, '--test', '--test-reporter=spec', ...files], { stdio: 'inherit' });
if (WITHOUT) console.log(`\n!!! The tests in a browser were ${WITHOUT}.\n`);
if (WITHOUT_TSC) console.log(`\n!!! The check of framekeep.d.ts was ${WITHOUT_TSC}.\n`);
process.exit(run.status ?? 1);
