-- Memberships cancelled, or not renewed: an expired one ended when it would have been renewed.
SELECT
    'member_end:' || m.customer_id || ':' || m.tier || ':' || SUBSTR(CAST(m.started_at AS VARCHAR(32)), 1, 19) AS key,
    c.id AS customer_id,
    CASE WHEN m.cancelled_at IS NOT NULL THEN m.cancelled_at ELSE m.renews_at END AS at,
    CAST(NULL AS BIGINT) AS amount_minor,
    CAST(NULL AS VARCHAR(3)) AS currency,
    CAST(NULL AS FLOAT) AS value,
    m.tier AS ref
FROM shop_memberships AS m
JOIN customers AS c ON c.shop_customer_id = m.customer_id
WHERE (m.cancelled_at >= :since AND m.cancelled_at <= :now)
    OR (m.cancelled_at IS NULL AND m.status = 'expired' AND m.renews_at >= :since AND m.renews_at <= :now)
