-- Demographics and the like: the latest value that was known of each trait, where there are any.
-- entity: customer, trait
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- value (text): 属性值 | value of the trait
SELECT
    t.customer_id,
    t.name AS trait,
    MAX(t.value) AS value
FROM traits AS t
JOIN (
    SELECT
        n.customer_id,
        n.name,
        MAX(n.at) AS at
    FROM traits AS n
    GROUP BY n.customer_id, n.name
) AS l ON l.customer_id = t.customer_id AND l.name = t.name AND l.at = t.at
GROUP BY t.customer_id, t.name
