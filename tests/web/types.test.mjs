// framekeep.d.ts says what framekeep.js is: by name with Node alone, by type with TypeScript's compiler where it is.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import * as sdk from '../../assets/web/framekeep.js';
import { TSC, WITHOUT_TSC } from './tsc.mjs';

const DECLARED = readFileSync(new URL('../../assets/web/framekeep.d.ts', import.meta.url), 'utf8');

/** Names within the braces of a declared class that match. */
function membersOf(name, pattern) {
  const body = new RegExp(`^export class ${name}\\b[^{]*{\\n([\\s\\S]*?)^}`, 'm').exec(DECLARED)[1];
  return new Set([...body.matchAll(pattern)].map((match) => match[1]));
}

test('what the module exports is declared, and nothing else', () => {
  const declared = [...DECLARED.matchAll(/^export (?:class|const|function) (\w+)/gm)].map((match) => match[1]);
  assert.deepEqual(declared.sort(), Object.keys(sdk).sort());
});

test('methods and fields of each class are declared, and no others', () => {
  for (const [name, made] of Object.entries(sdk)) {
    if (typeof made !== 'function' || !made.prototype || !/^[A-Z]/.test(name) || name === 'FramekeepError') continue;
    const own = Object.getOwnPropertyDescriptors(made.prototype);
    const methods = Object.keys(own).filter((key) => key !== 'constructor' && !key.startsWith('_') && own[key].value);
    const declared = membersOf(name, /^ {2}(?!constructor)(\w+)(?:<[^(]*>)?\(/gm);
    assert.deepEqual([...declared].sort(), methods.sort(), name);
    const instance = new made({ url: 'http://127.0.0.1', WebSocket: class {} });
    for (const field of membersOf(name, /^ {2}readonly (\w+):/gm)) assert.ok(field in instance, `${name}.${field}`);
  }
});

test('a program against the declarations is checked', { skip: WITHOUT_TSC, timeout: 120_000 }, () => {
  const program = fileURLToPath(new URL('types.mts', import.meta.url));
  const how = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'node16', '--moduleResolution', 'node16',
    '--lib', 'es2022,dom,dom.iterable', program];
  const run = spawnSync(TSC, how, { encoding: 'utf8' });
  assert.equal(run.status, 0, `${run.error ?? ''}${run.stdout}${run.stderr}`);
});
