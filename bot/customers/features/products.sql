-- What can be recommended.
-- entity: product  owner: customer intelligence
SELECT
    sku,
    category
FROM shop_products
ORDER BY sku
