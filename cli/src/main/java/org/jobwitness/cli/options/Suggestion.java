package org.jobwitness.cli.options;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The word that was meant by one with a typing error. */
public final class Suggestion {
    private static final int MAX_LENGTH = 40;

    private Suggestion() {
    }

    /** The nearest word, unless it is another one altogether. */
    public static Optional<String> of(String typed, List<String> words) {
        if (typed.length() > MAX_LENGTH) {
            return Optional.empty();
        }
        int most = typed.replaceFirst("^--", "").length() < 5 ? 1 : 2;
        return words.stream().filter(word -> distance(typed, word) <= most || isStart(typed, word))
                .min(Comparator.comparingInt(word -> distance(typed, word)));
    }

    private static boolean isStart(String typed, String word) {
        return typed.replaceFirst("^--", "").length() > 1 && word.startsWith(typed);
    }

    /** Letters that are missing, too many, wrong, or swapped with the next one. */
    private static int distance(String one, String other) {
        int[][] distances = new int[one.length() + 1][other.length() + 1];
        for (int i = 0; i <= one.length(); i++) {
            for (int j = 0; j <= other.length(); j++) {
                distances[i][j] = i == 0 || j == 0 ? i + j : least(distances, one, other, i, j);
            }
        }
        return distances[one.length()][other.length()];
    }

    private static int least(int[][] distances, String one, String other, int i, int j) {
        int wrong = one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1;
        int least = Math.min(distances[i - 1][j - 1] + wrong, 1 + Math.min(distances[i - 1][j], distances[i][j - 1]));
        boolean swapped = i > 1 && j > 1 && one.charAt(i - 1) == other.charAt(j - 2)
                && one.charAt(i - 2) == other.charAt(j - 1);
        return swapped ? Math.min(least, distances[i - 2][j - 2] + 1) : least;
    }
}
