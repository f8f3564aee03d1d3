drop schema if exists coupons cascade;
create schema coupons;
-- The one row that the lock protects; `fence` is that of the latest holder who was here.
create table coupons.sale (coupons_left int not null, fence bigint not null);
create table coupons.sold (buyer text not null, shop text not null);
insert into coupons.sale values (40, 0);
