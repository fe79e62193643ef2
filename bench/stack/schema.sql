-- The store and the queue. A job is a row; whoever holds its lock works on it, and a worker that dies lets go of it.
CREATE TABLE documents (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body     text NOT NULL,
    status   text NOT NULL DEFAULT 'queued', -- queued, done
    created  timestamptz NOT NULL DEFAULT clock_timestamp(),
    done     timestamptz
);

CREATE TABLE jobs (
    document bigint PRIMARY KEY REFERENCES documents
);

CREATE TABLE chunks (
    document bigint NOT NULL REFERENCES documents,
    number   int NOT NULL,
    text     text NOT NULL,
    tokens   int NOT NULL,
    search   tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED,
    PRIMARY KEY (document, number)
);
CREATE INDEX ON chunks USING gin (search);
