import { withResignRequest } from '../../../src/core/election.ts';
import { CHALLENGE_ANNOTATION } from '../../../src/core/lease.ts';
import type { Lease } from '../../../src/core/lease.ts';
import { HOLDER_PREFIX } from '../../../src/core/record.ts';
import { OnCall } from '../life/on-call.ts';
import type { Mishap, Scene } from './mishap.ts';

type Role = 'session' | 'lock' | 'election';

/** What people, and controllers of others, do to Leases. */
export const PEOPLE = {
  'label edited': {
    weight: 1,
    befall: ({ world, dice }) => {
      const name = dice.pick(world.store.names());
      if (name === undefined) return undefined;
      const labels = { edited: String(Math.round(world.time.now)) };
      const annotations = { 'example.com/note': String(dice.below(1_000)) };
      world.store.editByHand(name, { labels, annotations });
      return name;
    },
  },
  /** Somebody edits in a loop: whoever writes by compare-and-swap meets conflicts. */
  'conflict storm (409)': {
    weight: 0.5,
    befall: ({ world, dice, duration, later }) => {
      const name = dice.pick(world.store.names());
      if (name === undefined) return undefined;
      let edits = 0;
      const edit = (): void => {
        edits += 1;
        world.store.editByHand(name, { labels: { edited: String(edits) } });
        cancel = world.time.schedule(1 + dice.random() * 8, edit);
      };
      let cancel = world.time.schedule(0, edit);
      later(duration / 8, () => cancel());
      return name;
    },
  },
  'session deleted': {
    weight: 0.7,
    befall: (scene) => {
      const name = pick(scene, 'session');
      if (name !== undefined) scene.world.store.removeByHand(name);
      return name;
    },
  },
  /** The garbage collector follows: the Pod's sessions are deleted, and its process lives. */
  'pod force-deleted': {
    weight: 0.4,
    befall: ({ world, victim }) => {
      const own = world.store.names().filter((name) => name.startsWith(`${victim.name}-`));
      for (const name of own) world.store.removeByHand(name);
      return own.length > 0 ? victim.name : undefined;
    },
  },
  'duration edited': {
    weight: 0.4,
    befall: (scene) => {
      const name = pick(scene, scene.dice.chance(0.5) ? 'session' : 'election');
      if (name !== undefined) scene.world.store.editByHand(name, {}, { leaseDurationSeconds: 1 });
      return name;
    },
  },
  /** About an attempt of anybody, which holds or has held. */
  challenge: {
    weight: 1.2,
    befall: (scene) => {
      const { world, dice } = scene;
      const name = pick(scene, 'session');
      if (name === undefined) return undefined;
      const holders = world.store
        .names()
        .flatMap((lock) => Object.keys(world.store.peek(lock)?.metadata.annotations ?? {}))
        .filter((key) => key.startsWith(HOLDER_PREFIX));
      const attempt = dice.pick(holders)?.slice(HOLDER_PREFIX.length) ?? 'ffffffff-1';
      world.store.editByHand(name, { annotations: { [CHALLENGE_ANNOTATION]: attempt } });
      return name;
    },
  },
  /** For the term that is, or one that was. */
  'asked to resign': {
    weight: 1,
    befall: (scene) => {
      const { world, dice } = scene;
      const name = pick(scene, 'election');
      const lease = name === undefined ? undefined : world.store.peek(name);
      if (!lease) return undefined;
      const to = dice.pick(world.processes)?.name;
      if (dice.chance(0.8)) {
        world.store.replace(withResignRequest(lease, to), { manager: 'kubectl' });
      } else {
        world.store.editByHand(lease.metadata.name, {
          annotations: { 'leasehold.dev/resign': 'c1_1/0' },
        });
      }
      return name;
    },
  },
} satisfies Record<string, Mishap>;

/** What people do who do not know what they do: somebody may hold beside another for a moment. */
export const CLUMSY = {
  'lock deleted': {
    weight: 0.4,
    befall: (scene) => {
      const name = pick(scene, 'lock');
      if (name !== undefined) scene.world.store.removeByHand(name);
      return name;
    },
  },
  'session revoked, dead or not': {
    weight: 0.4,
    befall: (scene) => repair(scene, (onCall) => onCall.revokeAny(scene.dice)),
  },
  'lock released by force': {
    weight: 0.4,
    befall: (scene) => repair(scene, (onCall) => onCall.releaseAny(scene.dice)),
  },
  'leader asked by a command': {
    weight: 0.4,
    befall: (scene) => repair(scene, (onCall) => onCall.resignAny(scene.dice)),
  },
} satisfies Record<string, Mishap>;

function repair({ world }: Scene, how: (onCall: OnCall) => Promise<void>): string {
  how(new OnCall(world)).catch((error: unknown) => world.fail(error));
  return 'somebody on call';
}

function pick({ world, dice }: Scene, role: Role): string | undefined {
  return dice.pick(world.store.names().filter((name) => roleOf(world.store.peek(name)) === role));
}

function roleOf(lease: Lease | undefined): Role {
  const role = lease?.metadata.labels?.['leasehold.dev/role'];
  return role === 'session' || role === 'lock' ? role : 'election';
}
