import type { Context } from './context.ts';
import { jsonProblem } from './json-text.ts';
import { isJsonObject } from './object.ts';
import type { KubeObject } from './object.ts';
import type { ListOptions } from './options.ts';
import type { ListPart } from './representation.ts';
import { keyPrefix, onlyKey } from './selection.ts';
import type { Selection } from './selection.ts';
import { badRequest, expired, StatusError, versionTooLarge } from './status.ts';
import { keyOf } from './store.ts';
import type { Store } from './store.ts';

const CONTINUE_EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** A list goes on after this key, as of this revision; -1: as of now. */
interface Continuation {
  readonly revision: number;
  readonly after: string;
}

/** The selected objects, or the next part of them. */
export function list({ store }: Context, selection: Selection, options: ListOptions): ListPart {
  const from = options.continueFrom === '' ? undefined : readToken(options.continueFrom);
  if (from && options.resourceVersion !== '' && options.resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (from && from.revision > 0 && from.revision < store.compacted) {
    throw continueExpired(from);
  }
  const revision = from && from.revision > 0 ? from.revision : revisionAsked(store, options);
  const rest = candidates(store, selection, revision).filter(
    (object) => from === undefined || relativeKey(object, selection) > from.after,
  );
  // From the cache, which "any version will do" asks for, everything comes at once.
  const isCached = options.resourceVersion === '0' && options.resourceVersionMatch === '';
  const limit = isCached ? 0 : options.limit;
  const found = rest.filter((object) => selection.matches(object));
  const objects = limit > 0 ? found.slice(0, limit) : found;
  const resourceVersion = String(revision);
  const last = objects.at(-1);
  // Whether what comes after the page is selected is not looked at: the last page may be empty.
  if (limit === 0 || objects.length < limit || last === undefined || last === rest.at(-1)) {
    return { objects, resourceVersion };
  }
  return {
    objects,
    resourceVersion,
    continueFrom: writeToken({ revision, after: relativeKey(last, selection) }),
    remaining: selection.narrowed ? undefined : found.length - objects.length,
  };
}

function candidates(store: Store, selection: Selection, revision: number): KubeObject[] {
  const { storage } = selection.resource;
  const key = onlyKey(selection);
  if (key === undefined || revision !== store.revision) {
    return store.listAt(revision, storage, keyPrefix(selection));
  }
  const object = store.get(storage, key);
  return object ? [object] : [];
}

function revisionAsked(store: Store, options: ListOptions): number {
  const asked = parseVersion(options.resourceVersion, (why) =>
    badRequest(`invalid resource version: ${why}`),
  );
  if (asked > store.revision) throw versionTooLarge(asked, store.revision);
  const isExact =
    options.resourceVersionMatch === 'Exact' ||
    (options.resourceVersionMatch === '' && options.limit > 0 && asked > 0);
  if (!isExact) return store.revision;
  if (asked < store.compacted) {
    throw expired('The resourceVersion for the provided list is too old.');
  }
  return asked;
}

/** The number that a resourceVersion is; 0 when none is given. */
export function parseVersion(text: string, problem: (why: string) => Error): number {
  if (text === '') return 0;
  if (/^\d+$/.test(text)) return Number(text);
  throw problem(
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function relativeKey(object: KubeObject, selection: Selection): string {
  return keyOf(object).slice(keyPrefix(selection).length);
}

const TOKEN_VERSION = 'meta.k8s.io/v1';

function writeToken({ revision, after }: Continuation): string {
  const token = JSON.stringify({ v: TOKEN_VERSION, rv: revision, start: `/${after}\u0000` });
  return Buffer.from(token).toString('base64url');
}

function readToken(text: string): Continuation {
  const problem = (why: string): Error => badRequest(`invalid continue token: ${why}`);
  const decoded = Buffer.from(text, 'base64url');
  const why = jsonProblem(decoded.toString('latin1'));
  if (why !== '') throw problem(`continue key is not valid: ${why}`);
  const token: unknown = JSON.parse(decoded.toString('utf8'));
  const { v, rv, start } = isJsonObject(token) ? token : {};
  if (v !== TOKEN_VERSION)
    throw problem('continue key is not valid: server does not recognize this encoded version');
  if (typeof rv !== 'number' || typeof start !== 'string' || !start.startsWith('/')) {
    throw problem('continue key is not valid: encoded start key empty');
  }
  return { revision: rv, after: start.slice(1).replace(/\u0000$/, '') };
}

function continueExpired(from: Continuation): StatusError {
  const token = writeToken({ revision: -1, after: from.after });
  return new ContinueExpired(token);
}

/** Tells how to go on all the same. */
class ContinueExpired extends StatusError {
  override readonly status: StatusError['status'];

  constructor(token: string) {
    super(410, 'Expired', CONTINUE_EXPIRED);
    this.status = { ...expired(CONTINUE_EXPIRED).status, metadata: { continue: token } };
  }
}
