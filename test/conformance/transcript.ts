/** What one server answered to one case: compared between the servers once it is normalised. */
export type Step = AnswerStep | WatchStep;

export interface AnswerStep {
  readonly request: string;
  readonly status: number;
  readonly contentType?: string;
  readonly retryAfter?: string;
  readonly warning?: string;
  readonly body: unknown;
}

export interface WatchStep extends Omit<AnswerStep, 'body'> {
  readonly events: unknown[];
  ended?: true;
}

type JsonObject = Readonly<Record<string, unknown>>;

const uidPattern = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const timePattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;
/** As a Table prints it. No case takes longer than minutes. */
const agePattern = /^(\d+m)?\d+s$/;
/** What a patch has made, quoted in a message: the order of its fields is each server's own. */
const quotedDocument = /(patch: )?Invalid value: "(?:\{\\?".*\}|map\[.*\])"/;
/** A time this close to now was set by the server; the ones that cases send lie in other years. */
const recentMilliseconds = 24 * 3_600_000;

/**
 * Replaces what two servers cannot have in common. What stays is what matters about it: which uids
 * and resourceVersions are equal, how the versions are ordered, and in which format times are.
 */
export function normalise(steps: readonly Step[]): unknown {
  return new Normaliser(steps).value(steps);
}

class Normaliser {
  readonly #uids: readonly string[];
  /** Those of objects. A list's may be any later one, as other cases write at the same time. */
  readonly #versions: readonly bigint[];

  constructor(steps: readonly Step[]) {
    this.#uids = [...new Set(JSON.stringify(steps).match(uidPattern) ?? [])];
    const versions = new Set<bigint>();
    collectVersions(steps, versions);
    this.#versions = [...versions].sort((a, b) => (a < b ? -1 : 1));
  }

  value(value: unknown, key = ''): unknown {
    if (typeof value === 'string') return this.#string(value, key);
    if (Array.isArray(value)) {
      const items = value.map((item) => this.value(item, key));
      return key === 'managedFields' ? inOrderOfManagers(items) : items;
    }
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) =>
        name === 'metadata' && isObject(field)
          ? [name, this.#metadata(field)]
          : [this.#uidsIn(name), this.value(field, name)],
      ),
    );
  }

  #metadata(metadata: JsonObject): JsonObject {
    const { name, generateName, resourceVersion, continue: token } = metadata;
    return {
      ...(this.value({ ...metadata }) as JsonObject),
      ...(typeof resourceVersion === 'string' && {
        resourceVersion: isObjectVersion(metadata)
          ? this.#exactVersion(resourceVersion)
          : this.#atLeast(resourceVersion),
      }),
      ...(typeof token === 'string' && token !== '' && { continue: '<token>' }),
      ...(typeof generateName === 'string' &&
        typeof name === 'string' && { name: maskSuffix(generateName, name) }),
    };
  }

  #string(text: string, key: string): string {
    // The prose of the API reference, and the age of what a case has just made.
    if (key === 'description') return '<description>';
    if (key === 'cells' && agePattern.test(text)) return '<age>';
    if (key === 'request') return this.#uidsIn(this.#versionsInQuery(text));
    const masked = text
      .replace(timePattern, maskTime)
      .replace(quotedDocument, '$1Invalid value: <document>');
    return this.#uidsIn(this.#versionsInMessage(masked));
  }

  #uidsIn(text: string): string {
    return text.replace(uidPattern, (uid) => `<uid ${String(this.#uids.indexOf(uid) + 1)}>`);
  }

  #versionsInQuery(text: string): string {
    return text
      .replace(/resourceVersion=(\d{2,8})\b/, (_, version: string) => {
        return `resourceVersion=${this.#atLeast(version)}`;
      })
      .replace(/continue=[^&]+/, 'continue=<token>');
  }

  #versionsInMessage(text: string): string {
    return text
      .replace(
        /(ResourceVersion in (?:the )?(?:precondition|record) \()(\d+)/g,
        (_, before, version) => {
          return `${String(before)}${this.#exactVersion(String(version))}`;
        },
      )
      .replace(/(resource version: )(\d+) \(\d+\)/, '$1$2 (<current>)')
      .replace(/current: \d+/, 'current: <current>');
  }

  #exactVersion(version: string): string {
    const rank = /^\d+$/.test(version) ? this.#versions.indexOf(BigInt(version)) : -1;
    return rank < 0 ? version : `<version ${String(rank + 1)}>`;
  }

  #atLeast(version: string): string {
    if (!/^[1-9]\d*$/.test(version)) return version;
    const rank = this.#versions.filter((known) => known <= BigInt(version)).length;
    return `<version ${String(rank)} or later>`;
  }
}

function collectVersions(value: unknown, versions: Set<bigint>): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && isObject(value)) {
    const { metadata } = value;
    if (isObject(metadata) && isObjectVersion(metadata)) {
      versions.add(BigInt(String(metadata.resourceVersion)));
    }
  }
  for (const field of Object.values(value)) collectVersions(field, versions);
}

/** The version of a list, and of a bookmark, is that of the whole store. */
function isObjectVersion(metadata: JsonObject): boolean {
  return (
    typeof metadata.resourceVersion === 'string' &&
    /^\d+$/.test(metadata.resourceVersion) &&
    typeof metadata.uid === 'string'
  );
}

/** The servers sort them by their times, which are whole seconds: an accident of when a case ran. */
function inOrderOfManagers(entries: readonly unknown[]): unknown[] {
  const text = (entry: unknown): string => JSON.stringify(entry);
  return [...entries].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

function maskTime(text: string): string {
  if (Math.abs(Date.parse(text) - Date.now()) > recentMilliseconds) return text;
  return text.replace(/\d/g, '0');
}

function maskSuffix(prefix: string, name: string): string {
  return name.startsWith(prefix)
    ? prefix + name.slice(prefix.length).replace(/[bcdfghjklmnpqrstvwxz2456789]/g, '?')
    : name;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
