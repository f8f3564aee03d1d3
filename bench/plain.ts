import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

// Plain JavaScript, as in production: what strips types takes 40 MiB itself.

/** Node's arguments for a process that shall believe to run in a Pod; see in-pod.ts. */
export function preloadArguments(): string[] {
  const preload = Buffer.from(javaScript('in-pod.ts')).toString('base64');
  return ['--import', `data:text/javascript;base64,${preload}`];
}

/** Node's arguments that run a program of this directory. */
export function stripped(file: string): string[] {
  return ['--input-type=module', '--eval', javaScript(file)];
}

function javaScript(file: string): string {
  return stripTypeScriptTypes(readFileSync(join(import.meta.dirname, file), 'utf8'));
}
