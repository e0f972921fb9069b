package org.jobwitness.server.verdict;

import org.jspecify.annotations.Nullable;

/** How a run stands or ended, in words: one sentence that sums it up, what that means, and what to do about it. */
record Explanation(String headline, @Nullable String meaning, @Nullable String advice) {

    static Explanation of(String headline) {
        return new Explanation(headline, null, null);
    }

    Explanation meaning(@Nullable String sentences) {
        return new Explanation(headline, sentences, advice);
    }

    Explanation advice(@Nullable String sentences) {
        return new Explanation(headline, meaning, sentences);
    }
}
