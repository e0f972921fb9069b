/**
 * Which job holds which GPU: compares what prologs reported with the processes on each GPU. Where they disagree the answer is
 * ambiguous, with the cause. Decides only; others read.
 */
@NullMarked
package org.jobwitness.agent.assignment;

import org.jspecify.annotations.NullMarked;
