package org.jobwitness.server.query;

/** The order of a list of runs. */
public enum JobSort {
    NEWEST_START("-start_time", "listed_at", "desc"),
    OLDEST_START("start_time", "listed_at", "asc"),
    NEWEST_END("-end_time", "coalesce(end_time, 'infinity'::timestamptz)", "desc"),
    OLDEST_END("end_time", "coalesce(end_time, 'infinity'::timestamptz)", "asc");

    private final String parameter;
    private final String column;
    private final String direction;

    JobSort(String parameter, String column, String direction) {
        this.parameter = parameter;
        this.column = column;
        this.direction = direction;
    }

    /** Its name in a request. */
    public String parameter() {
        return parameter;
    }

    /** What it sorts by, as SQL. */
    String column() {
        return column;
    }

    String orderBy() {
        return column + " " + direction + ", job_key " + direction;
    }

    /** The condition for rows after a cursor. */
    String after() {
        return "(" + column + ", job_key) " + (direction.equals("desc") ? "<" : ">")
                + " (cast(:cursor_at as timestamptz), :cursor_key)";
    }
}
