package org.jobwitness.wire;

import org.jspecify.annotations.Nullable;

/**
 * The device behind a GPU, as its driver reports it; constant from reading to reading.
 *
 * @param model the product's name, such as NVIDIA H100 80GB HBM3
 * @param pciBusId as domain:bus:device.function, such as 00000000:3b:00.0
 * @param minor of its device file: 2 of /dev/nvidia2
 * @param parent of a part of a GPU (a MIG instance, a partition): the {@code gpu} of the whole GPU
 */
public record GpuDevice(@Nullable String model, @Nullable String pciBusId, @Nullable Integer minor,
        @Nullable String parent) {

    public GpuDevice {
        model = Checks.text("model", model, 256);
        pciBusId = Checks.text("pci_bus_id", pciBusId, 64);
        minor = Checks.within("minor", minor, 0, 1 << 20);
        parent = Checks.text("parent", parent, 256);
    }
}
