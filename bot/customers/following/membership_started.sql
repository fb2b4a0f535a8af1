-- Memberships; who joins again, or in another tier, starts another one.
SELECT
    'member:' || m.customer_id || ':' || m.tier || ':' || SUBSTR(CAST(m.started_at AS VARCHAR(32)), 1, 19) AS key,
    c.id AS customer_id,
    m.started_at AS at,
    m.price_minor AS amount_minor,
    m.currency,
    CAST(NULL AS FLOAT) AS value,
    m.tier AS ref
FROM shop_memberships AS m
JOIN customers AS c ON c.shop_customer_id = m.customer_id
WHERE m.started_at >= :since
    AND m.started_at <= :now
