-- Whose record it is: every person who does not object to profiling, since they registered or were first heard of.
-- entity: customer
-- kinds: order_placed, order_cancelled, delivery_late, return_requested, contact, csat, membership_started, membership_ended
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- registered_at (time): 注册或首次出现的时间 | when they registered or were first heard of
SELECT
    p.customer_id,
    CASE WHEN f.first_at < p.registered_at THEN f.first_at ELSE p.registered_at END AS registered_at
FROM people AS p
LEFT JOIN (
    SELECT
        e.customer_id,
        MIN(e.at) AS first_at
    FROM events AS e
    GROUP BY e.customer_id
) AS f ON f.customer_id = p.customer_id
WHERE p.registered_at < :observed_at
    OR f.first_at < :observed_at
