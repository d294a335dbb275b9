//! Names of SMART attributes, as smartctl has them for disks that it does not know. Numbers that each maker uses in his
//! own way are left out.

/// `None` where the number alone does not tell.
pub(super) fn name(id: u8) -> Option<&'static str> {
    let found = NAMES.binary_search_by_key(&id, |(id, _)| *id).ok()?;
    Some(NAMES[found].1)
}

/// Sorted by number.
const NAMES: [(u8, &str); 35] = [
    (1, "Raw_Read_Error_Rate"),
    (2, "Throughput_Performance"),
    (3, "Spin_Up_Time"),
    (4, "Start_Stop_Count"),
    (5, "Reallocated_Sector_Ct"),
    (7, "Seek_Error_Rate"),
    (8, "Seek_Time_Performance"),
    (9, "Power_On_Hours"),
    (10, "Spin_Retry_Count"),
    (11, "Calibration_Retry_Count"),
    (12, "Power_Cycle_Count"),
    (177, "Wear_Leveling_Count"),
    (181, "Program_Fail_Cnt_Total"),
    (182, "Erase_Fail_Count_Total"),
    (183, "Runtime_Bad_Block"),
    (184, "End-to-End_Error"),
    (187, "Reported_Uncorrect"),
    (188, "Command_Timeout"),
    (189, "High_Fly_Writes"),
    (190, "Airflow_Temperature_Cel"),
    (191, "G-Sense_Error_Rate"),
    (192, "Power-Off_Retract_Count"),
    (193, "Load_Cycle_Count"),
    (194, "Temperature_Celsius"),
    (195, "Hardware_ECC_Recovered"),
    (196, "Reallocated_Event_Count"),
    (197, "Current_Pending_Sector"),
    (198, "Offline_Uncorrectable"),
    (199, "UDMA_CRC_Error_Count"),
    (200, "Multi_Zone_Error_Rate"),
    (220, "Disk_Shift"),
    (240, "Head_Flying_Hours"),
    (241, "Total_LBAs_Written"),
    (242, "Total_LBAs_Read"),
    (254, "Free_Fall_Sensor"),
];
