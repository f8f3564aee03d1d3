import type { Listable } from './collection.ts';

/** One line of a watch, parsed no further than needed. */
export class WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly line: Buffer;

  private constructor(type: WatchEvent['type'], line: Buffer) {
    this.type = type;
    this.line = line;
  }

  /** @throws Error when the line is no event */
  static of(line: Buffer): WatchEvent {
    const match = /^\s*\{"type":"(ADDED|MODIFIED|DELETED|BOOKMARK|ERROR)"/.exec(
      line.toString('latin1', 0, 40),
    );
    if (match) return new WatchEvent(match[1] as WatchEvent['type'], line);
    const type = (JSON.parse(line.toString('utf8')) as { type?: string }).type ?? '';
    if (!['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].includes(type)) {
      throw new Error('a line of the watch is no event');
    }
    return new WatchEvent(type as WatchEvent['type'], line);
  }

  /**
   * What it tells of; for a Lease see `asLease`.
   *
   * @throws Error when the event's object cannot be read
   */
  object(): Listable {
    const { object } = JSON.parse(this.line.toString('utf8')) as { object?: Partial<Listable> };
    if (!object?.metadata || typeof object.metadata !== 'object') {
      throw new Error('an event of the watch has no object');
    }
    return object as Listable;
  }

  /** The object's version, read without parsing: it comes before everything users can write. */
  version(): bigint {
    const key = '"resourceVersion":"';
    const start = this.line.indexOf(key);
    if (start === -1) return 0n;
    const from = start + key.length;
    const digits = /^\d+/.exec(this.line.toString('latin1', from, from + 24));
    return digits ? BigInt(digits[0]) : 0n;
  }

  /** Whether this bookmark ends the initial state. */
  endsInitialState(): boolean {
    return this.type === 'BOOKMARK' && this.line.includes('k8s.io/initial-events-end');
  }

  /** @throws Error when the event cannot be read */
  error(): { code: number; message: string } {
    const { object } = JSON.parse(this.line.toString('utf8')) as {
      object?: { code?: unknown; message?: unknown } | null;
    };
    const { code, message } = object ?? {};
    return {
      code: typeof code === 'number' ? code : 0,
      message: typeof message === 'string' ? message : 'unknown',
    };
  }
}
