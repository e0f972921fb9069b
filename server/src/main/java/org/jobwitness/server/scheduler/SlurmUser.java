package org.jobwitness.server.scheduler;

import java.util.List;

/**
 * A user in slurmdbd.
 *
 * @param coordinated the names of accounts of which the user was made a coordinator, without those below them
 */
record SlurmUser(String name, List<String> coordinated) {
}
