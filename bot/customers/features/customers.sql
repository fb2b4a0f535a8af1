-- Whose record it is: every identified customer who does not object to profiling.
-- entity: customer  event time: registered_at  owner: customer intelligence
SELECT
    c.id,
    s.customer_id,
    s.registered_at
FROM customers AS c
JOIN shop_customers AS s ON s.customer_id = c.shop_customer_id
WHERE s.registered_at < :observed_at
    AND NOT c.objects_to_profiling
ORDER BY s.customer_id
