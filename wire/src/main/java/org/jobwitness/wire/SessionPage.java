package org.jobwitness.wire;

import java.util.List;

/** Sessions, newest first. */
public record SessionPage(List<UserSession> sessions) {

    public SessionPage {
        sessions = List.copyOf(sessions);
    }
}
