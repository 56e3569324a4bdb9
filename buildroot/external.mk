include $(sort $(wildcard $(BR2_EXTERNAL_FULMAR_PATH)/package/*/*.mk))
