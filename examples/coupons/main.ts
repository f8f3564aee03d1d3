/**
 * Sells coupons, and never more than there are: one sale at a time over all processes, by a lock; and nothing
 * is written by a process that has lost the lock without knowing it, by its fence.
 */
import { charge, refund } from './payment.ts';
import { TooLateError, closeShop, openShop, serveBuyers } from './shop.ts';

/** Writes the fence, too: from here on whoever held the lock before is refused. */
const LOOK = 'update coupons.sale set fence = $1 where fence <= $1 returning coupons_left';

/** After that, as a statement of its own: it sees all that earlier holders have written. */
const HAS_ONE = 'select from coupons.sold where buyer = $1';

/** Both or nothing: the coupon is taken from the stock and given to the buyer. */
const SELL = `
  with taken as (
    update coupons.sale set coupons_left = $2 where fence = $1 returning 1
  )
  insert into coupons.sold (buyer, shop) select $3, $4 from taken`;

async function sell(buyer: string): Promise<boolean> {
  const { database, leasehold } = shop;
  return leasehold.lock('coupons').run(async ({ fence }) => {
    const { rows } = await database.query<{ coupons_left: number }>(LOOK, [fence]);
    const [sale] = rows;
    if (!sale) throw new TooLateError('a later holder of the lock has been here');
    const { rowCount: has } = await database.query(HAS_ONE, [buyer]);
    if (has === 1) return true;
    if (sale.coupons_left === 0) return false;
    await charge(buyer);
    const left = sale.coupons_left - 1;
    const { rowCount } = await database.query(SELL, [fence, left, buyer, shop.name]);
    if (rowCount === 1) return true;
    await refund(buyer);
    throw new TooLateError('a later holder of the lock sells now');
  });
}

const shop = await openShop();
await serveBuyers(shop, sell);
await closeShop(shop);
