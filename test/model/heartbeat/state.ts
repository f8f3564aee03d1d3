import type { World } from './configuration.ts';

export const Life = { Live: 0, Blank: 1, Missing: 2 } as const;
export type Life = (typeof Life)[keyof typeof Life];

/** How a version, or a heartbeat, that somebody knows stands to the stored one. */
export const Known = { Nothing: 0, Current: 1, Old: 2, Missing: 3 } as const;
export type Known = (typeof Known)[keyof typeof Known];

export const Renewal = { None: 0, Sent: 1, Stored: 2, Refused: 3, Unknown: 4 } as const;
export type Renewal = (typeof Renewal)[keyof typeof Renewal];

export const Look = { Watching: 0, Revoking: 1, Dead: 2 } as const;
export type Look = (typeof Look)[keyof typeof Look];

/** Ages are counted no further: older makes no difference. */
export const OLDEST = 6;
/** And by the clock of the server up to 2 ttl and one more. */
export const OLDEST_AT_SERVER = 11;

/**
 * A session, its owner, and one observer. Time passes in ticks for all; ages are relative to now,
 * so that states come back.
 */
export class State {
  readonly world: World;

  /** The session's Lease. */
  life: Life = Life.Live;
  /** Since the stored renewal was sent, on the owner's clock. */
  storedAge = 0;
  /** Since it was stored, on the server's clock. */
  serverAge = 0;

  /** The owner: whether it runs, and for how long it may rely on the session. */
  running = 1;
  remaining: number;
  version: Known = Known.Current;
  renewal: Renewal = Renewal.None;
  /** Of the renewal: since it was sent, and which version it names. */
  renewalAge = 0;
  renewalVersion: Known = Known.Nothing;
  /** A renewal that it gave up, and that may still be stored. */
  late = 0;
  lateAge = 0;
  lateVersion: Known = Known.Nothing;

  /** The observer: what it has seen, for how long, and what is on its way to it. */
  look: Look = Look.Watching;
  seen: Known = Known.Nothing;
  unseen = 0;
  arriving: Known = Known.Nothing;
  /** Of its revocation. */
  revokes: Known = Known.Nothing;

  /** Ticks since the observer's clock gained one. */
  sinceGain = 4;
  losses = 0;
  deletions = 0;
  labels = 0;
  clockFaults = 0;
  jumps = 0;

  constructor(world: World) {
    this.world = world;
    this.remaining = world.validity;
  }

  copy(from: State): void {
    this.life = from.life;
    this.storedAge = from.storedAge;
    this.serverAge = from.serverAge;
    this.running = from.running;
    this.remaining = from.remaining;
    this.version = from.version;
    this.renewal = from.renewal;
    this.renewalAge = from.renewalAge;
    this.renewalVersion = from.renewalVersion;
    this.late = from.late;
    this.lateAge = from.lateAge;
    this.lateVersion = from.lateVersion;
    this.look = from.look;
    this.seen = from.seen;
    this.unseen = from.unseen;
    this.arriving = from.arriving;
    this.revokes = from.revokes;
    this.sinceGain = from.sinceGain;
    this.losses = from.losses;
    this.deletions = from.deletions;
    this.labels = from.labels;
    this.clockFaults = from.clockFaults;
    this.jumps = from.jumps;
  }

  /** Whether the owner relies on its session. */
  get relies(): boolean {
    return this.running === 1 && this.remaining > 0;
  }

  /** Any write moves the version: what others know of it is old. */
  moveVersion(): void {
    if (this.version === Known.Current) this.version = Known.Old;
    if (this.renewalVersion === Known.Current) this.renewalVersion = Known.Old;
    if (this.lateVersion === Known.Current) this.lateVersion = Known.Old;
    if (this.revokes === Known.Current) this.revokes = Known.Old;
    if (!this.world.rules.notTheVersion) this.moveHeartbeat();
  }

  /** The heartbeat that the observer has seen is not the stored one any more. */
  moveHeartbeat(): void {
    if (this.seen === Known.Current) this.seen = Known.Old;
    if (this.arriving === Known.Current) this.arriving = Known.Old;
  }
}

const BYTES = 23;

/** As there is one of each, nothing can be exchanged. */
export class Encoding {
  readonly size = BYTES;
  readonly #bytes = new Uint8Array(BYTES);

  encode(state: State): { bytes: Uint8Array; order: number } {
    const bytes = this.#bytes;
    bytes[0] = state.life;
    bytes[1] = state.storedAge;
    bytes[2] = state.serverAge;
    bytes[3] = state.running;
    bytes[4] = state.remaining;
    bytes[5] = state.version;
    bytes[6] = state.renewal;
    bytes[7] = state.renewalAge;
    bytes[8] = state.renewalVersion;
    bytes[9] = state.late;
    bytes[10] = state.lateAge;
    bytes[11] = state.lateVersion;
    bytes[12] = state.look;
    bytes[13] = state.seen;
    bytes[14] = state.unseen;
    bytes[15] = state.arriving;
    bytes[16] = state.revokes;
    bytes[17] = state.sinceGain;
    bytes[18] = state.losses;
    bytes[19] = state.deletions;
    bytes[20] = state.labels;
    bytes[21] = state.clockFaults;
    bytes[22] = state.jumps;
    return { bytes, order: 0 };
  }

  decode(bytes: Uint8Array, from: number, state: State): void {
    const at = (index: number): number => bytes[from + index] ?? 0;
    state.life = at(0) as Life;
    state.storedAge = at(1);
    state.serverAge = at(2);
    state.running = at(3);
    state.remaining = at(4);
    state.version = at(5) as Known;
    state.renewal = at(6) as Renewal;
    state.renewalAge = at(7);
    state.renewalVersion = at(8) as Known;
    state.late = at(9);
    state.lateAge = at(10);
    state.lateVersion = at(11) as Known;
    state.look = at(12) as Look;
    state.seen = at(13) as Known;
    state.unseen = at(14);
    state.arriving = at(15) as Known;
    state.revokes = at(16) as Known;
    state.sinceGain = at(17);
    state.losses = at(18);
    state.deletions = at(19);
    state.labels = at(20);
    state.clockFaults = at(21);
    state.jumps = at(22);
  }

  actorAt(place: number): number {
    return place;
  }
}
