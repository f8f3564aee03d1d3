import { parseObject } from './json-text.ts';
import { isJsonObject } from './object.ts';
import type { ManagedFieldsEntry } from './object.ts';
import { badRequest, invalid, invalidListOptions } from './status.ts';
import type { Cause, StatusError } from './status.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

const MOST_MANAGER_BYTES = 128;

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  readonly fieldManager: string;
  readonly force: boolean;
  /** Who owns what afterwards, where that is known: of a server-side apply. */
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

export interface DeleteOptions {
  readonly dryRun: boolean;
  /** Seconds. */
  readonly gracePeriod: number | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  /** What becomes of the objects that the deleted one owns; `Background` unless told. */
  readonly propagation: Propagation | undefined;
}

export type Propagation = 'Foreground' | 'Background' | 'Orphan';

function optionProblem(kind: string, ...causes: Cause[]): StatusError {
  return invalid({ group: 'meta.k8s.io', plural: '', kind }, '', causes);
}

function unsupported(field: string, value: unknown, supported: readonly string[]): Cause {
  const list = supported.map((text) => JSON.stringify(text)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`;
  return { reason: 'FieldValueNotSupported', message, field };
}

function readDryRun(values: readonly string[], kind: string): boolean {
  if (values.some((value) => value !== 'All')) {
    throw optionProblem(kind, unsupported('dryRun', values, ['All']));
  }
  return values.length > 0;
}

/** @param agent - the `User-Agent`, which names the field manager where the query does not */
export function writeOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  agent: string,
): WriteOptions {
  const validation = query.get('fieldValidation') ?? '';
  const known: readonly string[] = ['', 'Ignore', 'Strict', 'Warn'];
  if (!known.includes(validation)) {
    throw optionProblem(kind, unsupported('fieldValidation', validation, known));
  }
  const fieldManager = query.get('fieldManager') ?? '';
  if (Buffer.byteLength(fieldManager) > MOST_MANAGER_BYTES) {
    const message = `Too long: may not be more than ${String(MOST_MANAGER_BYTES)} bytes`;
    throw optionProblem(kind, { reason: 'FieldValueTooLong', message, field: 'fieldManager' });
  }
  return {
    dryRun: readDryRun(query.getAll('dryRun'), kind),
    fieldValidation: validation === '' ? 'Warn' : (validation as FieldValidation),
    fieldManager:
      fieldManager === '' ? (agent.split('/')[0] ?? '').slice(0, MOST_MANAGER_BYTES) : fieldManager,
    force: query.get('force') === 'true',
  };
}

/** @param isApply - whether it is a server-side apply, which names its manager and may force */
export function patchOptions(
  query: URLSearchParams,
  agent: string,
  isApply: boolean,
): WriteOptions {
  const options = writeOptions(query, 'PatchOptions', agent);
  if (isApply && (query.get('fieldManager') ?? '') === '') {
    const message = 'Required value: is required for apply patch';
    const cause = { reason: 'FieldValueRequired', message, field: 'fieldManager' };
    throw optionProblem('PatchOptions', cause);
  }
  if (!isApply && query.has('force')) {
    const message = 'Forbidden: may not be specified for non-apply patch';
    const cause = { reason: 'FieldValueForbidden', message, field: 'force' };
    throw optionProblem('PatchOptions', cause);
  }
  return options;
}

/** @param body - the request's, empty when there is none; it goes before the query */
export function deleteOptions(query: URLSearchParams, body: string): DeleteOptions {
  const given = body.trim() === '' ? undefined : parseDeleteOptions(body);
  const preconditions = isJsonObject(given?.preconditions) ? given.preconditions : {};
  const policy = text(given?.propagationPolicy) ?? query.get('propagationPolicy') ?? undefined;
  const policies = ['Foreground', 'Background', 'Orphan'];
  if (policy !== undefined && !policies.includes(policy)) {
    const cause = unsupported('propagationPolicy', policy, [...policies, 'nil']);
    throw optionProblem('DeleteOptions', cause);
  }
  const orphan = given
    ? given.orphanDependents
    : query.has('orphanDependents')
      ? flag(query, 'orphanDependents')
      : undefined;
  if (policy !== undefined && typeof orphan === 'boolean') {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    const message = `Invalid value: ${JSON.stringify(policy)}: ${why}`;
    const cause = { reason: 'FieldValueInvalid', message, field: 'propagationPolicy' };
    throw optionProblem('DeleteOptions', cause);
  }
  const seconds = given ? given.gracePeriodSeconds : query.get('gracePeriodSeconds');
  const dryRun = given ? given.dryRun : query.getAll('dryRun');
  return {
    dryRun: readDryRun(Array.isArray(dryRun) ? (dryRun as string[]) : [], 'DeleteOptions'),
    gracePeriod: seconds === undefined || seconds === null ? undefined : Number(seconds),
    uid: text(preconditions.uid),
    resourceVersion: text(preconditions.resourceVersion),
    propagation: orphan === true ? 'Orphan' : (policy as Propagation | undefined),
  };
}

function parseDeleteOptions(body: string): Readonly<Record<string, unknown>> {
  const value = parseObject(body, (why) =>
    badRequest(`couldn't get version/kind; json parse error: ${why}`),
  );
  const kind = text(value.kind);
  if (kind !== undefined && kind !== 'DeleteOptions') {
    throw badRequest(
      `no kind "${kind}" is registered for version "${text(value.apiVersion) ?? 'meta.k8s.io/v1'}" in scheme "pkg/runtime/scheme.go:111"`,
    );
  }
  return value;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export interface ListOptions {
  readonly watch: boolean;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continueFrom: string;
  /** Empty when none is given. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly sendInitialEvents: boolean | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
}

export function listOptions(query: URLSearchParams): ListOptions {
  const timeout = query.get('timeoutSeconds');
  const sendInitialEvents = query.get('sendInitialEvents');
  const options: ListOptions = {
    watch: flag(query, 'watch'),
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: Math.max(0, integer(query.get('limit') ?? '0')),
    continueFrom: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    sendInitialEvents: sendInitialEvents === null ? undefined : flag(query, 'sendInitialEvents'),
    allowWatchBookmarks: flag(query, 'allowWatchBookmarks'),
    timeoutSeconds: timeout === null ? undefined : integer(timeout),
  };
  checkVersionMatch(options);
  return options;
}

function checkVersionMatch(options: ListOptions): void {
  const { watch, resourceVersion, resourceVersionMatch: match, sendInitialEvents } = options;
  const refuse = (field: string, why: string): never => {
    throw invalidListOptions(field, 'FieldValueForbidden', `Forbidden: ${why}`);
  };
  if (watch) {
    if (options.continueFrom !== '') {
      refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
    }
    if (sendInitialEvents === undefined) {
      if (match === '') return;
      const why =
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
      refuse('resourceVersionMatch', why);
    }
    if (match === 'NotOlderThan') return;
    const why = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    const field = 'resourceVersionMatch';
    throw optionProblem(
      'ListOptions',
      { reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field },
      ...(match === '' ? [] : [unsupported(field, match, ['NotOlderThan'])]),
    );
  }
  if (sendInitialEvents !== undefined) {
    refuse('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  }
  if (match === '') return;
  const forbidden: string[] = [];
  if (resourceVersion === '') forbidden.push('unless resourceVersion is provided');
  if (options.continueFrom !== '') forbidden.push('when continue is provided');
  if (forbidden.length > 0) {
    const field = 'resourceVersionMatch';
    const causes = forbidden.map((when) => {
      const message = `Forbidden: resourceVersionMatch is forbidden ${when}`;
      return { reason: 'FieldValueForbidden', message, field };
    });
    throw optionProblem('ListOptions', ...causes);
  }
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    const cause = unsupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']);
    throw optionProblem('ListOptions', cause);
  }
  if (match === 'Exact' && resourceVersion === '0') {
    refuse(
      'resourceVersionMatch',
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
  }
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

function integer(value: string): number {
  if (!/^-?\d+$/.test(value)) {
    throw badRequest(`strconv.ParseInt: parsing "${value}": invalid syntax`);
  }
  return Number(value);
}

const DURATION =
  /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*$/;

/** The server answers at once, so that no time-out ever passes; but it must be one. */
export function checkTimeout(query: URLSearchParams): void {
  const timeout = query.get('timeout');
  if (timeout === null || timeout === '' || timeout === '0' || DURATION.test(timeout)) return;
  throw badRequest(
    `invalid timeout specified in the request URL - time: invalid duration "${timeout}"`,
  );
}
