"""The tables of the published statistics: what each holds, in SQL.

They are made from ``event``, the events with a column ``moment``: UTC, without a zone.
"""

TABLES: dict[str, str] = {
    # What happened in each hour, so that any time zone can be summed up later.
    "hourly": """
        SELECT owner_id, date_trunc('hour', moment) AS hour,
            count(*) FILTER (kind = 'document_added') AS documents,
            coalesce(sum(pages) FILTER (is_newest), 0)::BIGINT AS pages,
            coalesce(sum(words) FILTER (is_newest), 0)::BIGINT AS words,
            coalesce(sum(wall_ms) FILTER (kind = 'listened'), 0)::BIGINT AS listened_ms,
            coalesce(sum(media_ms) FILTER (kind = 'listened'), 0)::BIGINT AS heard_ms,
            coalesce(sum(words) FILTER (kind = 'listened'), 0)::BIGINT
                AS listened_words,
            coalesce(sum(audio_ms) FILTER (kind = 'synthesised'), 0)::BIGINT
                AS synthesised_ms,
            coalesce(sum(chars) FILTER (kind = 'synthesised'), 0)::BIGINT
                AS synthesised_chars
        FROM (
            SELECT *, kind = 'document_read' AND version = max(version)
                OVER (PARTITION BY kind, owner_id, document_id) AS is_newest
            FROM event
        )
        GROUP BY ALL ORDER BY ALL
    """,
    "voice_use": """
        SELECT owner_id, voice, coalesce(max(engine), '') AS engine,
            coalesce(sum(wall_ms) FILTER (kind = 'listened'), 0)::BIGINT AS listened_ms,
            coalesce(sum(media_ms) FILTER (kind = 'listened'), 0)::BIGINT AS heard_ms,
            coalesce(sum(audio_ms) FILTER (kind = 'synthesised'), 0)::BIGINT
                AS synthesised_ms,
            coalesce(sum(chars) FILTER (kind = 'synthesised'), 0)::BIGINT
                AS synthesised_chars,
            coalesce(sum(elapsed_ms) FILTER (kind = 'synthesised'), 0)::BIGINT
                AS elapsed_ms
        FROM event WHERE kind IN ('listened', 'synthesised')
        GROUP BY owner_id, voice ORDER BY ALL
    """,
    "reuse": """
        SELECT owner_id, CAST(moment AS DATE) AS day, outcome,
            block_kind, count(*) AS requests, sum(chars)::BIGINT AS chars,
            sum(audio_ms)::BIGINT AS audio_ms,
            count(*) FILTER (legacy_owner_flip) AS flips
        FROM event WHERE kind = 'requested'
        GROUP BY ALL ORDER BY ALL
    """,
    "document_use": """
        SELECT owner_id, document_id,
            coalesce(max_by(pages, version) FILTER (kind = 'document_read'), 0)::BIGINT
                AS pages,
            coalesce(max_by(words, version) FILTER (kind = 'document_read'), 0)::BIGINT
                AS words,
            coalesce(sum(wall_ms) FILTER (kind = 'listened'), 0)::BIGINT AS listened_ms,
            coalesce(sum(media_ms) FILTER (kind = 'listened'), 0)::BIGINT AS heard_ms,
            coalesce(sum(audio_ms) FILTER (kind = 'synthesised'), 0)::BIGINT
                AS synthesised_ms,
            max(moment) FILTER (kind = 'listened') AS last_listened_at
        FROM event WHERE document_id <> '' GROUP BY owner_id, document_id ORDER BY ALL
    """,
    "recognition_use": """
        SELECT owner_id, coalesce(engine, 'local') AS engine, method,
            sum(pages)::BIGINT AS pages, sum(elapsed_ms)::BIGINT AS elapsed_ms
        FROM event WHERE kind = 'recognised'
        GROUP BY ALL ORDER BY ALL
    """,
    "repeats": """
        SELECT owner_id, variant, any_value(block_kind) AS block_kind,
            count(*) AS requests, max(chars) AS chars, sum(audio_ms)::BIGINT AS audio_ms
        FROM event
        WHERE kind = 'requested' AND starts_with(outcome, 'merged_')
        GROUP BY owner_id, variant
        QUALIFY row_number() OVER (
            PARTITION BY owner_id ORDER BY count(*) DESC, variant) <= 200
        ORDER BY ALL
    """,
    "about": "SELECT count(*) AS events, max(moment) AS last_event_at FROM event",
}
