-- What they sent back or asked to.
-- entity: customer
-- kinds: return_requested
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- returns (count): 历史退货次数 | returns ever requested
-- returns_365d (count): 近 365 天的退货次数 | returns of the last 365 days
-- returned_365d_minor (count): 近 365 天的退款金额（最小货币单位） | refunds of the last 365 days, in minor units
SELECT
    e.customer_id,
    COUNT(*) AS returns,
    SUM(CASE WHEN e.at >= :ago_365 THEN 1 ELSE 0 END) AS returns_365d,
    SUM(CASE WHEN e.at >= :ago_365 AND e.amount_minor IS NOT NULL THEN e.amount_minor ELSE 0 END) AS returned_365d_minor
FROM events AS e
GROUP BY e.customer_id
