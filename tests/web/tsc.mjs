// Where TypeScript's compiler is: `TSC` names it, else it is in the path or was installed beside the tests.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const beside = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url));
const folders = [beside, ...(process.env.PATH ?? '').split(delimiter)];

/** The compiler, or null. */
export const TSC = process.env.TSC ?? folders.map((folder) => join(folder, 'tsc')).find((path) => existsSync(path)) ?? null;

/** Why types cannot be checked; false if they can. */
export const WITHOUT_TSC = TSC ? false : 'SKIPPED: there is no tsc (TSC names it; apt has it in node-typescript, npm in typescript)';
