-- How recently and how often they order. An order counts from the moment it is placed.
-- entity: customer
-- kinds: order_placed
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- last_order_at (time): 最近一次下单的时间 | when they last ordered
-- orders_placed (count): 历史订单数 | orders ever placed, cancelled ones among them
-- orders_90d (count): 近 90 天的订单数 | orders of the last 90 days
-- orders_180d (count): 近 180 天的订单数 | orders of the last 180 days
-- orders_365d (count): 近 365 天的订单数 | orders of the last 365 days
SELECT
    e.customer_id,
    MAX(e.at) AS last_order_at,
    COUNT(*) AS orders_placed,
    SUM(CASE WHEN e.at >= :ago_90 THEN 1 ELSE 0 END) AS orders_90d,
    SUM(CASE WHEN e.at >= :ago_180 THEN 1 ELSE 0 END) AS orders_180d,
    SUM(CASE WHEN e.at >= :ago_365 THEN 1 ELSE 0 END) AS orders_365d
FROM events AS e
GROUP BY e.customer_id
