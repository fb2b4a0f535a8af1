-- How recently and how often they order, and how often only with a coupon. An order counts from the moment it is placed.
-- entity: customer  event time: placed_at  owner: customer intelligence
SELECT
    customer_id,
    MAX(placed_at) AS last_order_at,
    SUM(CASE WHEN placed_at >= :ago_180 THEN 1 ELSE 0 END) AS orders_180d,
    SUM(CASE WHEN placed_at >= :ago_365 THEN 1 ELSE 0 END) AS orders_365d,
    AVG(CASE WHEN coupon IS NULL THEN 0.0 ELSE 1.0 END) AS coupon_share
FROM shop_orders
WHERE placed_at < :observed_at
GROUP BY customer_id
