/**
 * Why a run ended, whether it used what it asked for, and what to ask for next. Only {@link
 * org.jobwitness.server.verdict.EvidenceReader} and its helpers read the database; the rest is a pure function of {@code
 * RunEvidence}, {@code VerdictRules}, with a class for each family of rules: causes and their words ({@code CauseRules}, {@code
 * ExitEnds}, {@code MemoryEnds}, {@code SchedulerEnds}, {@code UnknownEnds}, {@code OpenRuns}), use ({@code GpuRules}, {@code
 * CpuRules}, {@code MemoryRules}, {@code StallRules}, {@code TimeRules}) and suggestions ({@code NextMemory}, {@code NextCpus},
 * {@code NextGpus}, {@code NextTime}). Their cases are in {@code src/test/resources/verdict}. Keeps nothing, and leaves showing a
 * verdict to others.
 */
@NullMarked
package org.jobwitness.server.verdict;

import org.jspecify.annotations.NullMarked;
