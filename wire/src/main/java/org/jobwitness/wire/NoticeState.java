package org.jobwitness.wire;

import java.util.List;

/**
 * Whether a user is told of running jobs.
 *
 * @param wanted what the user chose; true until then
 * @param channels by which the server tells: mail, webhook; empty where it tells nobody
 */
public record NoticeState(String user, boolean wanted, List<String> channels) {
    public NoticeState {
        channels = List.copyOf(channels);
    }
}
