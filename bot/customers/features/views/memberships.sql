-- The membership that was active then: one that began, and none has ended since.
-- entity: customer
-- kinds: membership_started, membership_ended
-- event time: at
-- created time: created_at
-- ttl: forever
-- owner: customer intelligence
-- tier (text): 会员等级 | membership tier, empty without one
-- member_since (time): 会员起始时间 | since when they have been a member
SELECT
    s.customer_id,
    MAX(s.ref) AS tier,
    MAX(s.at) AS member_since
FROM events AS s
JOIN (
    SELECT
        e.customer_id,
        MAX(CASE WHEN e.kind = 'membership_started' THEN e.at END) AS started_at,
        MAX(CASE WHEN e.kind = 'membership_ended' THEN e.at END) AS ended_at
    FROM events AS e
    GROUP BY e.customer_id
) AS l ON l.customer_id = s.customer_id AND l.started_at = s.at
WHERE s.kind = 'membership_started'
    AND (l.ended_at IS NULL OR l.ended_at < l.started_at)
GROUP BY s.customer_id
