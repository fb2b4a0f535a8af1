-- Orders that they took back.
-- entity: customer
-- kinds: order_cancelled
-- event time: at
-- created time: created_at
-- ttl: 365 days
-- owner: customer intelligence
-- cancelled_365d (count): 近 365 天取消的订单数 | orders cancelled in the last 365 days
SELECT
    e.customer_id,
    COUNT(*) AS cancelled_365d
FROM events AS e
GROUP BY e.customer_id
