/** One process of the shop: what is around the sale of a coupon. */
import { hostname } from 'node:os';
import { connect, isLeaseholdError } from 'leasehold';
import type { Leasehold } from 'leasehold';
import { Pool } from 'pg';

/** How many buyers a process serves at the same time. */
const AT_ONCE = 5;

export interface Shop {
  readonly name: string;
  readonly database: Pool;
  readonly leasehold: Leasehold;
}

export async function openShop(): Promise<Shop> {
  const name = process.env.NAME ?? hostname();
  const database = new Pool({ connectionString: process.env.DATABASE_URL });
  const ttl = process.env.TTL ?? '15s';
  const leasehold = await connect({ ttl, identity: name, releaseOnSigterm: true });
  return { name, database, leasehold };
}

export async function closeShop({ database, leasehold }: Shop): Promise<void> {
  await leasehold.close();
  await database.end();
}

/** The sale of one coupon was not finished in time, and nothing of it is left. */
export class TooLateError extends Error {}

/**
 * Serves the buyers of a shop.
 *
 * @param sell - resolves with false when there is no coupon left; what it does for a buyer who has got one
 * already is nothing
 */
export async function serveBuyers(
  shop: Shop,
  sell: (buyer: string) => Promise<boolean>,
): Promise<void> {
  const buyers = Array.from({ length: Number(process.env.BUYERS ?? 20) }, (_, index) => {
    return `${shop.name}/${String(index + 1)}`;
  });
  let sold = 0;
  const serve = async (): Promise<void> => {
    for (let buyer = buyers.shift(); buyer !== undefined; buyer = buyers.shift()) {
      if (await sellInTheEnd(sell, buyer)) sold += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, serve));
  console.log(`has sold ${String(sold)}`);
}

async function sellInTheEnd(
  sell: (buyer: string) => Promise<boolean>,
  buyer: string,
): Promise<boolean> {
  for (;;) {
    try {
      return await sell(buyer);
    } catch (error) {
      if (!(error instanceof TooLateError) && !isLeaseholdError(error, 'LOST')) throw error;
      console.log(`tries again for ${buyer}: ${error.message}`);
    }
  }
}
