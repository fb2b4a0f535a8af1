-- What they have bought, in minor units of each currency; an order cancelled by then is no purchase.
-- entity: customer, currency
-- kinds: order_placed, order_cancelled
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- orders (count): 未取消的订单数 | orders that were not cancelled
-- spent_minor (count): 累计消费（最小货币单位） | spent so far, in minor units
-- spent_365d_minor (count): 近 365 天消费（最小货币单位） | spent in the last 365 days, in minor units
SELECT
    e.customer_id,
    e.currency,
    COUNT(*) AS orders,
    SUM(e.amount_minor) AS spent_minor,
    SUM(CASE WHEN e.at >= :ago_365 THEN e.amount_minor ELSE 0 END) AS spent_365d_minor
FROM events AS e
LEFT JOIN (
    SELECT DISTINCT
        x.customer_id,
        x.ref
    FROM events AS x
    WHERE x.kind = 'order_cancelled'
) AS c ON c.customer_id = e.customer_id AND c.ref = e.ref
WHERE e.kind = 'order_placed'
    AND c.ref IS NULL
GROUP BY e.customer_id, e.currency
