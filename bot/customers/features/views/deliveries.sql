-- Parcels that were late, or reported delayed or stuck: of orders by when they were placed, where the order is known.
-- entity: customer
-- kinds: delivery_late, order_placed
-- event time: at
-- created time: created_at
-- ttl: 730 days
-- owner: customer intelligence
-- troubled_180d (count): 近 180 天的订单中配送延误或异常的单数 | orders of the last 180 days with delivery trouble
-- troubled_365d (count): 近 365 天的订单中配送延误或异常的单数 | orders of the last 365 days with delivery trouble
SELECT
    t.customer_id,
    SUM(CASE WHEN t.at >= :ago_180 THEN 1 ELSE 0 END) AS troubled_180d,
    SUM(CASE WHEN t.at >= :ago_365 THEN 1 ELSE 0 END) AS troubled_365d
FROM (
    SELECT
        l.customer_id,
        MAX(COALESCE(o.at, l.at)) AS at
    FROM events AS l
    LEFT JOIN events AS o ON o.customer_id = l.customer_id AND o.kind = 'order_placed' AND o.ref = l.ref
    WHERE l.kind = 'delivery_late'
    GROUP BY l.customer_id, COALESCE(l.ref, CAST(l.at AS VARCHAR(40)))
) AS t
GROUP BY t.customer_id
