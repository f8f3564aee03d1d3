import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, resolve, sep } from 'node:path';
import { YAMLException, load } from 'js-yaml';
import { LeaseholdError } from '../core/errors.ts';

/** What one context of a kubeconfig names; paths are absolute. */
export interface KubeconfigContext {
  /** Where it was read, for messages. */
  readonly source: string;
  readonly context: string;
  readonly namespace: string | undefined;
  readonly cluster: Fields;
  readonly user: Fields;
}

/** The fields of a cluster or user, as they stand in the file: of any type. */
export type Fields = Readonly<Record<string, unknown>>;

type Section = 'clusters' | 'users' | 'contexts';

interface Kubeconfig {
  readonly clusters: Map<string, Fields>;
  readonly users: Map<string, Fields>;
  readonly contexts: Map<string, Fields>;
  currentContext: string | undefined;
}

const ITEM: Record<Section, string> = { clusters: 'cluster', users: 'user', contexts: 'context' };
/** Fields that are paths, relative to the file that they stand in. */
const PATHS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

/**
 * Reads the kubeconfig that kubectl would use: the given file, else all of `KUBECONFIG` merged (of
 * two entries of one name the first counts), else `~/.kube/config`.
 *
 * @param context - the current one if undefined
 * @throws LeaseholdError `CONFIGURATION`
 */
export function readKubeconfig(
  file: string | undefined,
  context: string | undefined,
): KubeconfigContext {
  const listed = (process.env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  const fallback = resolve(homedir(), '.kube', 'config');
  const files = file !== undefined ? [file] : listed.length > 0 ? listed : [fallback];
  const source = `kubeconfig ${files.join(delimiter).replace(fallback, '~/.kube/config')}`;
  const config: Kubeconfig = {
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
    currentContext: undefined,
  };
  let found = 0;
  for (const path of files) {
    const text = readText(path, file !== undefined);
    if (text === undefined) continue;
    found += 1;
    merge(config, parse(text, path), dirname(resolve(path)));
  }
  if (found === 0) throw nothingToUse(source, 'there is no such file');
  return chosen(config, source, context);
}

function chosen(config: Kubeconfig, source: string, asked: string | undefined): KubeconfigContext {
  const name = asked ?? config.currentContext;
  if (name === undefined) throw nothingToUse(source, 'it has no current-context');
  const context = config.contexts.get(name);
  if (!context) {
    const names = [...config.contexts.keys()].join(', ') || 'none';
    throw problem(source, `has no context ${name}; it has: ${names}`);
  }
  const named = (section: 'clusters' | 'users', key: string): Fields => {
    const of = text(context, key);
    const item = of === undefined ? undefined : config[section].get(of);
    if (of !== undefined && !item) {
      throw problem(source, `context ${name} names the ${key} ${of}, which is not there`);
    }
    return item ?? {};
  };
  const cluster = named('clusters', 'cluster');
  if (text(cluster, 'server') === undefined) {
    throw nothingToUse(source, `context ${name} has no cluster with a server`);
  }
  const user = named('users', 'user');
  return { source, context: name, namespace: text(context, 'namespace'), cluster, user };
}

/** The field if it is a text that is not empty. */
export function text(fields: Fields, key: string): string | undefined {
  const value = fields[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function problem(source: string, what: string, cause?: unknown): LeaseholdError {
  return new LeaseholdError('CONFIGURATION', `${source}: ${what}`, { cause });
}

function nothingToUse(source: string, why: string): LeaseholdError {
  return problem(
    source,
    `${why}: set KUBECONFIG, pass a kubeconfig or a context, or run inside a Pod`,
  );
}

/** Undefined when it is missing and need not be there. */
function readText(path: string, needed: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!needed && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw problem(`kubeconfig ${path}`, messageOf(error), error);
  }
}

function parse(yaml: string, path: string): Fields {
  if (yaml.trim() === '') return {};
  let document: unknown;
  try {
    document = load(yaml);
  } catch (error) {
    // The whole message quotes the file, and so may quote a credential.
    const reason = error instanceof YAMLException ? whereAndWhy(error) : messageOf(error);
    throw problem(`kubeconfig ${path}`, `is not YAML: ${reason}`);
  }
  if (!isFields(document)) throw problem(`kubeconfig ${path}`, 'is not a kubeconfig');
  return document;
}

function whereAndWhy(error: YAMLException): string {
  const line = error.mark?.line;
  return `${error.reason}${line === undefined ? '' : ` in line ${String(line + 1)}`}`;
}

function merge(into: Kubeconfig, document: Fields, directory: string): void {
  into.currentContext ??= text(document, 'current-context');
  for (const section of ['clusters', 'users', 'contexts'] as const) {
    const items = document[section];
    for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
      const fields = isFields(item) ? item[ITEM[section]] : undefined;
      const name = isFields(item) ? text(item, 'name') : undefined;
      if (name === undefined || into[section].has(name)) continue;
      into[section].set(name, isFields(fields) ? withAbsolutePaths(fields, directory) : {});
    }
  }
}

function withAbsolutePaths(fields: Fields, directory: string): Fields {
  const absolute: Record<string, unknown> = { ...fields };
  for (const key of PATHS) {
    const path = text(fields, key);
    if (path !== undefined) absolute[key] = resolve(directory, path);
  }
  const { exec } = fields;
  const command = isFields(exec) ? text(exec, 'command') : undefined;
  // A bare name is looked up in PATH.
  if (isFields(exec) && command?.includes(sep)) {
    absolute.exec = { ...exec, command: resolve(directory, command) };
  }
  return absolute;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
