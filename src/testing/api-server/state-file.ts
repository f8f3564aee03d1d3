import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { ApiServerState } from './api-server.ts';

/**
 * A server that was killed has not saved its very last versions. They may be known to clients all the
 * same, and must not be given to other writes.
 */
const SKIPPED_VERSIONS = 1_000;

/**
 * The state that a server has left in a file; undefined when there is no such file.
 *
 * @throws Error when it cannot be read, or is no such state
 */
export async function loadState(file: string): Promise<ApiServerState | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const state = JSON.parse(text) as Partial<ApiServerState>;
  const { format, store, tokenKey, certificate } = state;
  if ((format as unknown) !== 1 || !store || tokenKey === undefined || !certificate) {
    throw new Error('it is no state of leasehold dev');
  }
  const revision = store.revision + SKIPPED_VERSIONS;
  return { format: 1, store: { ...store, revision }, tokenKey, certificate };
}

/** Writes the whole state or nothing; only this user can read it, as it makes tokens. */
async function saveState(file: string, state: ApiServerState): Promise<void> {
  const unfinished = `${file}.${randomUUID()}`;
  try {
    await writeFile(unfinished, `${JSON.stringify(state)}\n`, { mode: 0o600 });
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Keeps a file up to date with a server. */
export class StateFile {
  readonly #file: string;
  readonly #state: () => ApiServerState;
  #saving: Promise<void> = Promise.resolve();
  #changed = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #onError: (error: unknown) => void;

  constructor(file: string, state: () => ApiServerState, onError: (error: unknown) => void) {
    this.#file = file;
    this.#state = state;
    this.#onError = onError;
  }

  /** Says that the state has changed: it is saved within a quarter of a second. */
  touch(): void {
    this.#changed = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.save().catch(this.#onError);
    }, 250);
  }

  /** Saves what has changed, now. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving
      .catch(() => undefined)
      .then(async () => {
        if (!this.#changed) return;
        this.#changed = false;
        await saveState(this.#file, this.#state());
      });
    return this.#saving;
  }
}
