"""What estimates of time, memory, disk and tokens say."""
