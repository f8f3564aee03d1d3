/** What the database is asked by those who do not know of fences. */
import type { Shop } from './shop.ts';

export async function couponsLeft({ database }: Shop): Promise<number> {
  const { rows } = await database.query<{ coupons_left: number }>(
    'select coupons_left from coupons.sale',
  );
  return rows[0]?.coupons_left ?? 0;
}

export async function write({ name, database }: Shop, left: number, buyer: string): Promise<void> {
  await database.query(
    `with taken as (update coupons.sale set coupons_left = $1 returning 1)
     insert into coupons.sold (buyer, shop) select $2, $3 from taken`,
    [left, buyer, name],
  );
}
