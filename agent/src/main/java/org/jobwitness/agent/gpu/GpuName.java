package org.jobwitness.agent.gpu;

import java.util.regex.Pattern;
import org.jobwitness.wire.GpuVendor;
import org.jspecify.annotations.Nullable;

/**
 * The names of a GPU. Slurm, drivers and users each use a different one.
 *
 * @param uuid as the driver writes it: {@code GPU-...}, {@code MIG-...}, an AMD unique id
 * @param pci its bus address, {@code 00000000:3b:00.0}: eight digits of domain, lower case
 * @param minor of its device file, the 3 of /dev/nvidia3 or the 128 of /dev/dri/renderD128
 * @param index in the order of PCI addresses on the node, as Slurm numbers it
 * @param parent UUID of the GPU that this is a partition of (a MIG instance, a partition)
 */
public record GpuName(GpuVendor vendor, @Nullable String uuid, @Nullable String pci, @Nullable Integer minor,
        @Nullable Integer index, @Nullable String parent, @Nullable String model) {
    private static final Pattern UUID = Pattern.compile("[A-Za-z0-9/_-]{1,96}");
    private static final Pattern PCI = Pattern.compile("[0-9a-f]{8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]");
    private static final int MAX_MODEL_LENGTH = 256;

    public GpuName {
        if (uuid == null && pci == null && minor == null && index == null) {
            throw new IllegalArgumentException("a GPU without a name");
        }
        requireForm("uuid", uuid, UUID);
        requireForm("parent", parent, UUID);
        requireForm("pci", pci, PCI);
        if ((minor != null && minor < 0) || (index != null && index < 0)) {
            throw new IllegalArgumentException("minor " + minor + " or index " + index + " is below 0");
        }
        if (model != null && (model.isBlank() || model.length() > MAX_MODEL_LENGTH)) {
            throw new IllegalArgumentException("model is blank, or longer than " + MAX_MODEL_LENGTH);
        }
    }

    private static void requireForm(String name, @Nullable String value, Pattern form) {
        if (value != null && !form.matcher(value).matches()) {
            throw new IllegalArgumentException(name + " is not of the form " + form);
        }
    }
}
