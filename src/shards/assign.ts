import { createHash } from 'node:crypto';

/** No member has more than so many times the mean, as long as that is a shard or more. */
const MOST_OF_MEAN = 1.2;

/**
 * Which member each shard belongs to: a pure function of who is there, whatever order they are named in,
 * so that all who know the same members agree without a word.
 *
 * Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with
 * Bounded Loads", 2016), on rendezvous hashing in place of a ring. Each member ranks all shards, and each
 * shard goes to the member that ranks it highest; whoever has more than its bound gives up those that it
 * ranks lowest to the next. The ranking of a member is a random order of the shards and not a hash of
 * each by itself: so each has as many good ranks as every other, the loads are half as uneven to begin
 * with, and few shards ever meet a bound. Only those are moved by the coming or going of others.
 *
 * @param members - ids, each once
 * @param count - how many shards there are
 * @returns the member of each shard; nothing if there are no members
 */
export function assign(members: readonly string[], count: number): readonly string[] {
  if (members.length === 0) return [];
  const ids = [...members].sort();
  const ranks = ids.map((id) => ranksOf(id, count));
  const most = mostPerMember(ids.length, count);
  const held = ids.map((): number[] => []);
  const rankOf = (member: number, shard: number): number => ranks[member]?.[shard] ?? 0;
  // Shards that look for a member, each with whom it has been to.
  const looking = Array.from({ length: count }, (_, shard) => ({
    shard,
    refused: new Set<number>(),
  }));
  const refusals = looking.map(({ refused }) => refused);
  for (let next = looking.pop(); next; next = looking.pop()) {
    const { shard, refused } = next;
    let best = -1;
    for (let member = 0; member < ids.length; member += 1) {
      if (refused.has(member)) continue;
      if (best === -1 || rankOf(member, shard) > rankOf(best, shard)) best = member;
    }
    const its = held[best];
    // There is room for all of them, so that somebody is left to ask.
    if (!its) throw new Error('no member has room for a shard');
    its.push(shard);
    if (its.length <= most) continue;
    const worst = its.reduce((a, b) => (rankOf(best, a) < rankOf(best, b) ? a : b));
    its.splice(its.indexOf(worst), 1);
    const refusedBy = refusals[worst] ?? new Set();
    refusedBy.add(best);
    looking.push({ shard: worst, refused: refusedBy });
  }
  const owners = new Array<string>(count);
  for (const [member, its] of held.entries()) {
    for (const shard of its) owners[shard] = ids[member] ?? '';
  }
  return owners;
}

/** The bound: 1.2 times the mean; never less than what it takes to place them all. */
export function mostPerMember(members: number, count: number): number {
  return Math.max(Math.ceil(count / members), Math.floor((MOST_OF_MEAN * count) / members));
}

/**
 * How high a member ranks each shard: its place in an order of all shards that is drawn by a generator
 * seeded with the member's id, and a fraction, as others rank it in the same place.
 */
function ranksOf(id: string, count: number): Float64Array {
  const random = randomOf(id);
  const order = Uint32Array.from({ length: count }, (_, shard) => shard);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const swapped = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = swapped;
  }
  return Float64Array.from(order, (place) => place + random());
}

/** Numbers from 0 to 1 by the generator sfc32 (Chris Doty-Humphrey), seeded with the SHA-256 of the text. */
function randomOf(text: string): () => number {
  const seed = createHash('sha256').update(text).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => seed.readInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  return () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
}
