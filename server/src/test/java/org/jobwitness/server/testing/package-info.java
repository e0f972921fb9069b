/**
 * What tests share: servers in this process and in one of their own, databases, callers, streams, agents' batches, waiting with a
 * deadline. Nothing here is a test. What belongs to one room alone, such as a fake slurmrestd, stays in that room.
 */
package org.jobwitness.server.testing;
