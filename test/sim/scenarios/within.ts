import type { World } from '../world/world.ts';

/** Goes on until the promise is settled, and says what does not hold if that takes too long. */
export async function within<T>(
  world: World,
  most: number,
  invariant: string,
  promise: Promise<T>,
): Promise<T> {
  let over = false;
  const finish = (): void => void (over = true);
  promise.then(finish, finish);
  await world.time.runUntil(() => over, most, invariant);
  return promise;
}
