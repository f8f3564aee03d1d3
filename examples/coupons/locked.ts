/**
 * NOT TO BE COPIED: a lock, but no fence. Sells what there is as long as no process is paused for longer than
 * the lock's ttl between its look and its write.
 */
import { charge } from './payment.ts';
import { closeShop, openShop, serveBuyers } from './shop.ts';
import { couponsLeft, write } from './unfenced.ts';

async function sell(buyer: string): Promise<boolean> {
  return shop.leasehold.lock('coupons').run(async () => {
    const left = await couponsLeft(shop);
    if (left === 0) return false;
    await charge(buyer);
    await write(shop, left - 1, buyer);
    return true;
  });
}

const shop = await openShop();
await serveBuyers(shop, sell);
await closeShop(shop);
