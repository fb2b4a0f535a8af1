-- Price sensitivity: how often they order only with a coupon.
-- entity: customer
-- kinds: order_placed
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- coupon_share (number): 使用优惠券的订单占比 | share of orders with a coupon
-- coupon_orders_365d (count): 近 365 天使用优惠券的订单数 | orders with a coupon in the last 365 days
SELECT
    e.customer_id,
    AVG(CASE WHEN e.value > 0 THEN 1.0 ELSE 0.0 END) AS coupon_share,
    SUM(CASE WHEN e.value > 0 AND e.at >= :ago_365 THEN 1 ELSE 0 END) AS coupon_orders_365d
FROM events AS e
GROUP BY e.customer_id
