-- Parcels that were late, or reported delayed or stuck.
-- entity: customer
-- kinds: delivery_late
-- event time: at
-- created time: created_at
-- ttl: 365 days
-- owner: customer intelligence
-- troubled_180d (count): 近 180 天配送延误或异常的订单数 | orders with delivery trouble in the last 180 days
-- troubled_365d (count): 近 365 天配送延误或异常的订单数 | orders with delivery trouble in the last 365 days
SELECT
    e.customer_id,
    SUM(CASE WHEN e.at >= :ago_180 THEN 1 ELSE 0 END) AS troubled_180d,
    COUNT(*) AS troubled_365d
FROM events AS e
GROUP BY e.customer_id
