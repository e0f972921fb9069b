/**
 * What jobs used, moment by moment. {@code SampleStore} takes in samples, the figures they add up to and their OOM kills,
 * and reads them back; {@code SampleBuffer} keeps them as rows until their hour is over, then {@code Sealing} packs them.
 * {@code RunUse} reads what they add up to. Which runs there are, and how they ended, belongs to {@code job}.
 */
@NullMarked
package org.jobwitness.server.sample;

import org.jspecify.annotations.NullMarked;
